"""What people send from pages, turned into what services take: a module a page, or a few that belong together."""
