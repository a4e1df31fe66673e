"""File syntaxes that several makers share: escape a value, merge settings, parse back."""
