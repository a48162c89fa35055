"""What a run learns from labelled planets, out of fold: scale, sigma, prior."""
