//! The tables of the keys that seal, and of what was shown.

diesel::table! {
    data_keys (id) {
        id -> Text,
        wrapped -> Nullable<Binary>,
        created_at -> BigInt,
        replaced_at -> Nullable<BigInt>,
        resealed_at -> Nullable<BigInt>,
        resealed -> BigInt,
        retired_at -> Nullable<BigInt>,
        destroyed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    reveals (id) {
        id -> Binary,
        secret_id -> Binary,
        enrollment_id -> Binary,
        kind -> Text,
        at -> BigInt,
        revealed_by -> Text,
        reason -> Text,
        earlier -> BigInt,
        rotation -> Text,
        rotate_by -> Nullable<BigInt>,
        command_id -> Nullable<Binary>,
        rotated_at -> Nullable<BigInt>,
        detail -> Nullable<Text>,
    }
}
