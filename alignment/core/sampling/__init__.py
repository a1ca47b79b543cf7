"""Inside a rollout: the next token and its cache, here or on a server that speaks the OpenAI completions API."""
