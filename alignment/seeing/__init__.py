"""What people see of the loop: standings, lineage, the picture, alerts. Reads what others store and makes no rules."""
