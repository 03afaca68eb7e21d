"""What things cost, measured on the machine at hand. Not part of the package."""
