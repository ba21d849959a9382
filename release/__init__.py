"""What is made of this repository for others: parts of the wheel, and the site. Nothing here is installed."""
