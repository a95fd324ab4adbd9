"""From the lines of an audit log to tables, and to answers in SQL."""
