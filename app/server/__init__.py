"""The worker: gunicorn's and Flask's sides of every request, whatever it asks for."""
