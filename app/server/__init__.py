"""gunicorn's worker and the Flask application: what serves every request, whatever it asks for."""
