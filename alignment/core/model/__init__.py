"""Inside the backbone: opening a model, its adapters, what a token may attend to, chunked log-probabilities."""
