//! The tables of groups, items, assignments and rollouts.

use super::devices;

diesel::table! {
    groups (id) {
        id -> Binary,
        name -> Text,
        kind -> Text,
        rule -> Nullable<Text>,
        description -> Text,
        created_at -> BigInt,
        created_by -> Text,
        changed_at -> BigInt,
        archived_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    group_members (group_id, device_id) {
        group_id -> Binary,
        device_id -> Binary,
        since -> BigInt,
        why -> Text,
    }
}

diesel::table! {
    group_troubles (group_id, device_id) {
        group_id -> Binary,
        device_id -> Binary,
        error -> Text,
        at -> BigInt,
    }
}

diesel::joinable!(group_members -> groups (group_id));
diesel::joinable!(group_members -> devices (device_id));
diesel::joinable!(group_troubles -> groups (group_id));
diesel::allow_tables_to_appear_in_same_query!(groups, group_members, group_troubles, devices);

diesel::table! {
    items (id) {
        id -> Binary,
        name -> Text,
        kind -> Text,
        created_at -> BigInt,
        created_by -> Text,
        archived_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    item_versions (id) {
        id -> Binary,
        item_id -> Binary,
        version -> Integer,
        source -> Text,
        sealed_source -> Binary,
        sealed_template -> Binary,
        digest -> Binary,
        identifier -> Text,
        payload_types -> Text,
        carries_network -> Bool,
        class -> Text,
        class_reason -> Text,
        lint -> Text,
        override_reason -> Nullable<Text>,
        created_at -> BigInt,
        created_by -> Text,
    }
}

diesel::table! {
    assignments (id) {
        id -> Binary,
        item_id -> Binary,
        item_version_id -> Binary,
        group_id -> Nullable<Binary>,
        place_id -> Nullable<Binary>,
        excluded -> Text,
        version -> Integer,
        state -> Text,
        confirmed_by -> Text,
        confirmed_count -> BigInt,
        created_at -> BigInt,
        changed_at -> BigInt,
    }
}

diesel::table! {
    assignment_versions (assignment_id, version) {
        assignment_id -> Binary,
        version -> Integer,
        item_version_id -> Binary,
        group_id -> Nullable<Binary>,
        place_id -> Nullable<Binary>,
        excluded -> Text,
        state -> Text,
        confirmed_by -> Text,
        confirmed_count -> BigInt,
        changed_at -> BigInt,
    }
}

diesel::table! {
    device_items (enrollment_id, item_id) {
        enrollment_id -> Binary,
        item_id -> Binary,
        device_id -> Binary,
        state -> Text,
        why -> Text,
        desired_version_id -> Nullable<Binary>,
        desired_uuid -> Nullable<Text>,
        profile_identifier -> Text,
        sent_version_id -> Nullable<Binary>,
        sent_uuid -> Nullable<Text>,
        sent_at -> Nullable<BigInt>,
        command_id -> Nullable<Binary>,
        answered_at -> Nullable<BigInt>,
        observed_uuid -> Nullable<Text>,
        observed_at -> Nullable<BigInt>,
        losses -> Integer,
        attempts -> Integer,
        next_try_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        left_at -> Nullable<BigInt>,
        changed_at -> BigInt,
    }
}

diesel::table! {
    removal_allowances (id) {
        id -> Binary,
        item_id -> Binary,
        devices -> BigInt,
        granted_at -> BigInt,
        granted_by -> Text,
    }
}

diesel::table! {
    incidents (id) {
        id -> Binary,
        kind -> Text,
        device_id -> Nullable<Binary>,
        item_id -> Nullable<Binary>,
        subject -> Text,
        detail -> Text,
        opened_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        closed_by -> Nullable<Text>,
        closed_reason -> Nullable<Text>,
    }
}

diesel::table! {
    actions (id) {
        id -> Binary,
        kind -> Text,
        request -> Text,
        preview -> Text,
        preview_digest -> Binary,
        devices -> BigInt,
        state -> Text,
        created_at -> BigInt,
        created_by -> Text,
        applied_at -> Nullable<BigInt>,
        applied_by -> Nullable<Text>,
    }
}

diesel::table! {
    item_secrets (name) {
        name -> Text,
        sealed -> Binary,
        version -> Integer,
        set_at -> BigInt,
        set_by -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(device_items, item_versions, items);

diesel::table! {
    rollouts (id) {
        id -> Binary,
        assignment_id -> Binary,
        assignment_version -> Integer,
        item_id -> Binary,
        item_version_id -> Binary,
        ring -> Integer,
        state -> Text,
        started_at -> BigInt,
        ring_started_at -> BigInt,
        halted_at -> Nullable<BigInt>,
        halted_reason -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    rollout_devices (rollout_id, device_id) {
        rollout_id -> Binary,
        device_id -> Binary,
        ring -> Nullable<Integer>,
        released_at -> Nullable<BigInt>,
        sent_at -> Nullable<BigInt>,
        confirmed_at -> Nullable<BigInt>,
        woken_at -> Nullable<BigInt>,
    }
}
