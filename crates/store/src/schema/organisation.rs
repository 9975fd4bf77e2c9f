//! The tables of places and people, and of where devices are.

diesel::table! {
    places (id) {
        id -> Binary,
        parent_id -> Nullable<Binary>,
        kind -> Text,
        name -> Text,
        code -> Nullable<Text>,
        created_at -> BigInt,
        archived_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    people (id) {
        id -> Binary,
        external_id -> Nullable<Text>,
        name -> Text,
        email -> Nullable<Text>,
        created_at -> BigInt,
        left_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    placements (device_id) {
        device_id -> Binary,
        place_id -> Binary,
        owner_id -> Nullable<Binary>,
        since -> BigInt,
        changed_by -> Text,
    }
}

diesel::table! {
    placement_events (id) {
        id -> BigInt,
        device_id -> Binary,
        place_id -> Binary,
        owner_id -> Nullable<Binary>,
        at -> BigInt,
        changed_by -> Text,
        cause -> Text,
    }
}

diesel::table! {
    device_attributes (device_id, name) {
        device_id -> Binary,
        name -> Text,
        value -> Text,
        set_at -> BigInt,
        set_by -> Text,
    }
}

diesel::table! {
    place_variables (place_id, name) {
        place_id -> Binary,
        name -> Text,
        value -> Text,
        set_at -> BigInt,
        set_by -> Text,
    }
}

diesel::table! {
    link_placements (link_id) {
        link_id -> Binary,
        place_id -> Nullable<Binary>,
        owner_id -> Nullable<Binary>,
    }
}
