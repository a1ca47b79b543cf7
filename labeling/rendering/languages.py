"""How the languages of code blocks are written: their comments, strings and words."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Language:
    """One language, or several that look alike.

    Attributes:
        lines: what begins a comment that ends with the line.
        blocks: beginning and end of comments over several lines.
        strings: quotes of strings within a line.
        texts: beginning and end of strings over several lines.
        keywords, constants: words with a meaning of their own.
        ignores_case: keywords in capitals are keywords too.
        has_keys: a word before a colon is a name (JSON, YAML, CSS).
        has_tags: what is written is tags around text (HTML, XML).
        has_signs: words begin with a sign: commands of LaTeX, variables of shells.
    """

    lines: tuple[str, ...] = ()
    blocks: tuple[tuple[str, str], ...] = ()
    strings: str = "\"'"
    texts: tuple[tuple[str, str], ...] = ()
    keywords: frozenset[str] = field(default=frozenset())
    constants: frozenset[str] = field(default=frozenset())
    ignores_case: bool = False
    has_keys: bool = False
    has_tags: bool = False
    has_signs: str = ""


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_C_BLOCK = (("/*", "*/"),)
_TRUTH = _words("true false null nil None True False undefined NaN Infinity nullptr NULL TRUE FALSE")

_PYTHON = Language(
    lines=("#",),
    texts=(('"""', '"""'), ("'''", "'''")),
    keywords=_words(
        "and as assert async await break case class continue def del elif else except finally for from global"
        " if import in is lambda match nonlocal not or pass raise return try type while with yield"
    ),
    constants=_TRUTH | {"self", "cls", "Ellipsis", "NotImplemented"},
)
_JAVASCRIPT = Language(
    lines=("//",),
    blocks=_C_BLOCK,
    texts=(("`", "`"),),
    keywords=_words(
        "abstract as async await break case catch class const continue debugger declare default delete do"
        " else enum export extends finally for from function get if implements import in infer instanceof"
        " interface keyof let namespace new of private protected public readonly return satisfies set static"
        " super switch throw try type typeof var void while with yield any boolean number string never unknown"
    ),
    constants=_TRUTH | {"this"},
)
_C = Language(
    lines=("//",),
    blocks=_C_BLOCK,
    keywords=_words(
        "abstract alignas alignof and as assert async auto await base bool break byte case catch char checked"
        " class co_await co_return co_yield concept const const_cast constexpr continue decltype default"
        " delegate delete do double dynamic_cast else enum event explicit export extends extern final finally"
        " fixed float for foreach friend get goto if implements implicit import in inline instanceof int"
        " interface internal is lock long mutable namespace native new noexcept not object operator or out"
        " override package params permits private protected public readonly record ref register"
        " reinterpret_cast requires return sbyte sealed set short signed sizeof static static_assert"
        " static_cast strictfp string struct super switch synchronized template throw throws transient try"
        " typedef typeid typename typeof uint ulong union unsafe unsigned ushort using value var virtual void"
        " volatile when where while yield"
    ),
    constants=_TRUTH | {"this"},
)
_GO = Language(
    lines=("//",),
    blocks=_C_BLOCK,
    texts=(("`", "`"),),
    keywords=_words(
        "break case chan const continue default defer else fallthrough for func go goto if import interface"
        " map package range return select struct switch type var any bool byte complex64 complex128 error"
        " float32 float64 int int8 int16 int32 int64 rune string uint uint8 uint16 uint32 uint64 uintptr"
    ),
    constants=_TRUTH | {"iota"},
)
_RUST = Language(
    lines=("//",),
    blocks=_C_BLOCK,
    strings='"',  # an apostrophe begins a lifetime more often than a character
    keywords=_words(
        "as async await break const continue crate dyn else enum extern fn for if impl in let loop"
        " macro_rules match mod move mut pub ref return static struct super trait type union unsafe use where"
        " while yield bool char str i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64"
    ),
    constants=_TRUTH | {"self", "Self"},
)
_SWIFT_KOTLIN_SCALA = Language(
    lines=("//",),
    blocks=_C_BLOCK,
    texts=(('"""', '"""'),),
    keywords=_words(
        "abstract actor as associatedtype async await break by case catch class companion continue"
        " convenience data def default defer deinit didSet do dynamic else enum extends extension fallthrough"
        " fileprivate final finally for forSome fun func given guard if implicit import in indirect infix init"
        " inline inout inner interface internal is lateinit lazy let match mutating new object open operator"
        " out override package private protocol protected public reified repeat required rethrows return"
        " sealed set some static struct subscript super suspend switch tailrec then this throw throws trait"
        " try type typealias using val var weak when where while willSet with yield"
    ),
    constants=_TRUTH | {"self", "Self", "it"},
)
_RUBY = Language(
    lines=("#",),
    keywords=_words(
        "alias and attr_accessor attr_reader attr_writer begin break case class def defined? do else elsif"
        " end ensure extend for if in include module next not or private protected public raise redo require"
        " require_relative rescue retry return super then undef unless until when while yield local function"
        " repeat elseif"
    ),
    constants=_TRUTH | {"self"},
)
_LUA = Language(lines=("--",), blocks=(("--[[", "]]"),), keywords=_RUBY.keywords, constants=_RUBY.constants)
_PHP = Language(
    lines=("//", "#"),
    blocks=_C_BLOCK,
    keywords=_C.keywords
    | _words(
        "echo elseif endif endforeach endfor endwhile fn function global include insteadof isset list match"
        " print require require_once trait unset use xor array"
    ),
    constants=_TRUTH,
    has_signs="$",
)  # fmt: skip
_SHELL = Language(
    lines=("#",),
    keywords=_words(
        "case do done elif else esac export fi for function if in local readonly return select set shift then"
        " trap unset until while alias cd echo eval exec exit printf read source sudo test param begin process"
        " end foreach switch try catch finally throw"
    ),
    constants=_TRUTH,
    has_signs="$",
)
_SQL = Language(
    lines=("--",),
    blocks=_C_BLOCK,
    keywords=_words(
        "add all alter and any as asc begin between by case cast check column commit constraint create cross"
        " database default delete desc distinct drop else end except exists foreign from full group having if"
        " in index inner insert intersect into is join key lateral left like limit not offset on or order"
        " outer over partition primary references returning right rollback select set table then transaction"
        " trigger truncate union unique update using values view when where window with bigint boolean char"
        " date decimal float int integer json jsonb numeric real serial smallint text timestamp uuid varchar"
    ),
    constants=_TRUTH,
    ignores_case=True,
)
_R_JULIA = Language(
    lines=("#",),
    texts=(('"""', '"""'),),
    keywords=_words(
        "abstract baremodule begin break catch const continue do else elseif end export finally for function"
        " global if import in let library local macro module mutable next primitive quote repeat require"
        " return struct try type using where while"
    ),
    constants=_TRUTH | {"NA", "Inf", "nothing", "missing"},
)
_HASKELL = Language(
    lines=("--",),
    blocks=(("{-", "-}"),),
    strings='"',
    keywords=_words(
        "case class data default deriving do else family forall foreign hiding if import in infix infixl"
        " infixr instance let mdo module newtype of proc qualified rec then type where fun function match val"
        " with begin end mutable"
    ),
    constants=_TRUTH,
)
_MARKUP = Language(blocks=(("<!--", "-->"),), has_tags=True)
_STYLES = Language(blocks=_C_BLOCK, lines=(), has_keys=True)
_KEYS = Language(lines=("#",), constants=_TRUTH | {"yes", "no", "on", "off"}, has_keys=True)
_JSON = Language(lines=("//",), blocks=_C_BLOCK, strings='"', constants=_TRUTH, has_keys=True)
_INI = Language(lines=("#", ";"), constants=_KEYS.constants)
_LATEX = Language(lines=("%",), strings="", has_signs="\\")
_DOCKER = Language(
    lines=("#",),
    keywords=_words(
        "add arg cmd copy entrypoint env expose from healthcheck label onbuild run shell user volume workdir as"
    ),
    ignores_case=True,
)

_NAMES = {
    "py python python3 pycon pyi sage ipython": _PYTHON,
    "js javascript jsx mjs node ts typescript tsx vue svelte": _JAVASCRIPT,
    "c h cpp c++ cc hpp cxx java cs csharp c# objc objectivec objective-c dart groovy arduino glsl cuda zig": _C,
    "go golang": _GO,
    "rs rust": _RUST,
    "swift kotlin kt kts scala": _SWIFT_KOTLIN_SCALA,
    "rb ruby elixir ex crystal": _RUBY,
    "lua": _LUA,
    "php": _PHP,
    "sh bash zsh shell console shell-session powershell ps1 pwsh perl pl awk": _SHELL,
    "sql mysql postgres postgresql psql plpgsql sqlite tsql": _SQL,
    "r julia jl": _R_JULIA,
    "hs haskell elm ocaml ml fsharp f# purescript": _HASKELL,
    "html xml svg xhtml htm rss django jinja": _MARKUP,
    "css scss sass less": _STYLES,
    "yaml yml toml": _KEYS,
    "json json5 jsonc": _JSON,
    "ini cfg conf properties env dotenv make makefile nginx": _INI,
    "tex latex": _LATEX,
    "docker dockerfile": _DOCKER,
}
LANGUAGES = {name: language for names, language in _NAMES.items() for name in names.split()}
CHANGES = frozenset({"diff", "patch"})
