"""Django settings. The environment is read here and nowhere else; a malformed value is refused at once."""

from __future__ import annotations

import os
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from labeling import environment
from labeling.runtime.postgres import connection_parameters

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = environment.folder("DATA_DIR", default=BASE_DIR / ".data")
HOST = environment.text("HOST", "127.0.0.1")  # HOST and PORT: where `make run` listens
WEB_PROCESSES = environment.integer("WEB_PROCESSES", default=min(os.cpu_count() or 1, 4), lowest=1, highest=64)
PORT = environment.integer("PORT", default=8000, lowest=1, highest=65_535)

# --- Safety -----------------------------------------------------------------------------------------------------------
DEBUG = environment.boolean("DEBUG", default=False)
SECRET_KEY = environment.text("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set: `make run` makes one for this machine; a server needs its own, "
        "for example from `python3 -c 'import secrets; print(secrets.token_urlsafe(50))'`"
    )
# Keys of before: what they signed or encrypted is still read. `manage.py reseal` encrypts it with the new one.
SECRET_KEY_FALLBACKS = environment.items("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = environment.items("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = environment.items("CSRF_TRUSTED_ORIGINS")

HTTPS = environment.boolean("HTTPS", default=True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_ENGINE = "labeling.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
# A rating with its notes, ranks and a demonstration is kilobytes; imports are streamed from files, not from memory.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

# --- Applications -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "channels",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "procrastinate.contrib.django",
    "labeling",
    "alignment",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "labeling.sessions.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "labeling.http.PersonMiddleware",
    "labeling.http.OwnLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "labeling.http.DomainErrorMiddleware",
]
ROOT_URLCONF = "labeling.urls"
WSGI_APPLICATION = "labeling.asgi.http_application"
ASGI_APPLICATION = "labeling.asgi.application"
AUTH_USER_MODEL = "labeling.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Data -------------------------------------------------------------------------------------------------------------
_server = environment.database_url("DATABASE_URL") or environment.database_parts(
    connection_parameters(DATA_DIR / "postgres")
)
DATABASES = {
    "default": {
        **_server,
        "ENGINE": "labeling.database",
        # Each thread keeps its connection; without the check it fails once after a restart of the database.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **_server.get("OPTIONS", {}),
            # What is asked again and again is planned once for each connection: planning is half of a statement's time.
            "server_side_binding": True,
            "prepare_threshold": 3,
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PROCRASTINATE_IMPORT_PATHS: list[str] = []  # the worker imports its tasks by itself: the web process has no torch

# --- Language, time, files --------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "German")]  # each has its texts in labeling/locale
FORMAT_MODULE_PATH = ["labeling.locale"]
LOCALE_PATHS = [BASE_DIR / "labeling" / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "labeling.staticfiles.HashedStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True  # pages name only these; compressing both takes twice as long

# --- API --------------------------------------------------------------------------------------------------------------
# For each person and each scope of tokens; ten times as many for judging.
API_REQUESTS_PER_MINUTE = environment.integer("API_REQUESTS_PER_MINUTE", default=1200, lowest=1, highest=1_000_000)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "labeling.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["labeling.throttling.PersonThrottle"],
    "DEFAULT_SCHEMA_CLASS": "labeling.api.description.Schema",
    "EXCEPTION_HANDLER": "labeling.rest.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Prefloop",
    "DESCRIPTION": "People judge what a language model writes; the model learns from it while they work.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "labeling.api.description.loosen_json",
        "labeling.api.description.add_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "TopicEnum": "labeling.models.Topic.choices",
        "ImportStateEnum": "labeling.models.ImportState.choices",
        "AssignmentStateEnum": "labeling.models.State.choices",
        "BlindStateEnum": "alignment.models.BlindState.choices",
        "MethodEnum": "alignment.models.Method.choices",
        "PolicyMethodEnum": "alignment.api_loop.METHODS",
        "ReviewStateEnum": "labeling.models.ReviewState.choices",
        "RunStateEnum": "alignment.models.RunState.choices",
        "KindEnum": "labeling.models.Kind.choices",
        "RoleEnum": "labeling.models.Role.choices",
    },
}

# --- Learning ---------------------------------------------------------------------------------------------------------
MODEL = environment.text("MODEL")  # folder or hub id of a transformers causal language model; empty: the default model
SAMPLING_SERVER = environment.text("SAMPLING_SERVER")  # a vLLM server that writes completions; empty: the worker does
SAMPLING_SERVER_KEY = environment.text("SAMPLING_SERVER_KEY")
SAMPLING_SERVER_TIMEOUT = environment.integer("SAMPLING_SERVER_TIMEOUT", default=120, lowest=1, highest=86_400)
DEMO_PASSWORD = environment.text("DEMO_PASSWORD")
DEMO_CORPUS = BASE_DIR / "labeling" / "demo" / "corpus.jsonl"

LOG_LEVEL = environment.text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
    raise ImproperlyConfigured(f"LOG_LEVEL={LOG_LEVEL!r} is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # It tells of every blueprint and every job at INFO.
    "loggers": {"procrastinate": {"level": "WARNING" if LOG_LEVEL == "INFO" else LOG_LEVEL}},
}
