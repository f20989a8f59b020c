"""Studies of how well estimators recover known truth; ``bench/validation.py`` runs them all."""
