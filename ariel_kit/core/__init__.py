"""What every room of the kit rests on: values, settings, errors, the machine."""
