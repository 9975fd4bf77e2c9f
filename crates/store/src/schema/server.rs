//! The tables of the server itself.

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    jobs (id) {
        id -> Binary,
        kind -> Text,
        key -> Text,
        payload -> Text,
        run_at -> BigInt,
        attempts -> Integer,
        leased_until -> Nullable<BigInt>,
        again -> Bool,
        last_error -> Nullable<Text>,
        state -> Text,
        created_at -> BigInt,
    }
}
