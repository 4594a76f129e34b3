"""A handout for patients and care partners, and a wallet card: HTML and PDF, from the tables of education."""
