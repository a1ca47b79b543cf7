"""What ``make run`` starts, watches and stops: database, web server and worker. No Django in here."""
