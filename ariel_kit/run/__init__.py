"""What a run is made of: the stages in order, stored products, its hours, its folder."""
