//! Schema, models, queries, migrations, jobs
