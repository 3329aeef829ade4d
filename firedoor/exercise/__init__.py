"""What a drill is made of: an estate, the world process that simulates its vendors, an attacker process, scripted people, and a judge."""
