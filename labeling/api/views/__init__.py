"""One module for each subject: access, projects, prompts, work, data."""
