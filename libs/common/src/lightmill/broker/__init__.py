"""How messages travel: the port, RabbitMQ, and a broker inside the process."""
