"""Virtual patients: published mechanisms assembled into one, solved for populations, charted as a ward would."""
