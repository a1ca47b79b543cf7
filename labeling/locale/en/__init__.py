"""English: the language that the texts are written in, so that it has formats alone."""
