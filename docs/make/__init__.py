"""Makes the pages of the site: `python -m docs.make` writes build/pages, which mkdocs reads."""
