//! Requests from our own client, in every form.
