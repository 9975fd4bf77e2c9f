//! The tables of what is told to other systems.

diesel::table! {
    outbox (seq) {
        seq -> BigInt,
        id -> Binary,
        at -> BigInt,
        object -> Text,
        kind -> Text,
        body -> Text,
    }
}

diesel::table! {
    sinks (name) {
        name -> Text,
        settings -> Text,
        configured -> Bool,
        last_seq -> BigInt,
        turn -> BigInt,
        failures -> Integer,
        next_try_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        heard_at -> Nullable<BigInt>,
        heartbeat_at -> Nullable<BigInt>,
        skipped -> BigInt,
        gap -> Nullable<Text>,
        off_since -> Nullable<BigInt>,
        leased_by -> Nullable<Binary>,
        leased_until -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}
