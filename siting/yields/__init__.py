"""From weather to power: net capacity factors of PV plants and wind farms."""
