"""What Alembic runs: all migrations on the connection that `Database.migrate` hands over."""

from alembic import context

# In one transaction on SQLite too, so that a killed migration leaves nothing half done.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
