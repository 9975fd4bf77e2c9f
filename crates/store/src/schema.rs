//! The tables as diesel sees them: generated from the migrations' columns, kept by hand from there.

mod desired;
mod organisation;
mod sealing;
mod server;
mod streams;

pub(crate) use desired::*;
pub(crate) use organisation::*;
pub(crate) use sealing::*;
pub(crate) use server::*;
pub(crate) use streams::*;

diesel::table! {
    authorities (id) {
        id -> Binary,
        kind -> Text,
        certificate_der -> Binary,
        sealed_key -> Binary,
        ra_certificate_der -> Nullable<Binary>,
        sealed_ra_key -> Nullable<Binary>,
        not_after -> BigInt,
        created_at -> BigInt,
        active -> Bool,
    }
}

diesel::table! {
    push_certificates (id) {
        id -> Binary,
        topic -> Text,
        certificate_der -> Binary,
        sealed_key -> Binary,
        not_after -> BigInt,
        installed_at -> BigInt,
        replaced_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    enrollment_links (id) {
        id -> Binary,
        token_hash -> Binary,
        label -> Nullable<Text>,
        owner -> Nullable<Text>,
        ownership -> Text,
        uses_limit -> Nullable<Integer>,
        uses -> Integer,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        stopped_at -> Nullable<BigInt>,
        stopped_reason -> Nullable<Text>,
        created_at -> BigInt,
        created_by -> Text,
    }
}

diesel::table! {
    devices (id) {
        id -> Binary,
        udid -> Nullable<Text>,
        serial_number -> Nullable<Text>,
        name -> Nullable<Text>,
        platform -> Nullable<Text>,
        product_name -> Nullable<Text>,
        model -> Nullable<Text>,
        model_name -> Nullable<Text>,
        os_version -> Nullable<Text>,
        build_version -> Nullable<Text>,
        supervised -> Nullable<Bool>,
        lost_mode -> Nullable<Bool>,
        first_seen_at -> BigInt,
    }
}

diesel::table! {
    enrollments (id) {
        id -> Binary,
        device_id -> Binary,
        apple_id -> Text,
        kind -> Text,
        ownership -> Text,
        owner -> Nullable<Text>,
        state -> Text,
        epoch -> Integer,
        previous_id -> Nullable<Binary>,
        link_id -> Nullable<Binary>,
        topic -> Text,
        access_rights -> Integer,
        identity_id -> Nullable<Binary>,
        awaiting_configuration -> Bool,
        quarantine_reason -> Nullable<Text>,
        profile_digest -> Nullable<Binary>,
        authenticated_at -> BigInt,
        enrolled_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        end_reason -> Nullable<Text>,
        superseded_by -> Nullable<Binary>,
    }
}

diesel::table! {
    channels (id) {
        id -> Binary,
        enrollment_id -> Binary,
        kind -> Text,
        key -> Text,
        user_id -> Nullable<Text>,
        user_short_name -> Nullable<Text>,
        user_long_name -> Nullable<Text>,
        push_token -> Nullable<Binary>,
        push_magic -> Nullable<Binary>,
        topic -> Text,
        token_updated_at -> Nullable<BigInt>,
        token_update_tally -> Integer,
        enabled -> Bool,
        push_dead_at -> Nullable<BigInt>,
        last_pushed_at -> Nullable<BigInt>,
        last_seen_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    identities (id) {
        id -> Binary,
        fingerprint -> Binary,
        serial_hex -> Text,
        authority_id -> Binary,
        issuance_id -> Binary,
        enrollment_id -> Nullable<Binary>,
        subject -> Text,
        der -> Binary,
        not_before -> BigInt,
        not_after -> BigInt,
        issued_at -> BigInt,
        first_seen_at -> Nullable<BigInt>,
        last_seen_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        revoked_reason -> Nullable<Text>,
    }
}

diesel::table! {
    issuances (id) {
        id -> Binary,
        purpose -> Text,
        challenge_hash -> Binary,
        link_id -> Nullable<Binary>,
        enrollment_id -> Nullable<Binary>,
        delivery_seq -> Nullable<BigInt>,
        ownership -> Text,
        owner -> Nullable<Text>,
        subject -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        transaction_id -> Nullable<Binary>,
        key_digest -> Nullable<Binary>,
        first_used_at -> Nullable<BigInt>,
        identity_id -> Nullable<Binary>,
        topic -> Nullable<Text>,
        profile_digest -> Nullable<Binary>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    secrets (id) {
        id -> Binary,
        enrollment_id -> Binary,
        kind -> Text,
        sealed -> Binary,
        created_at -> BigInt,
        source -> Text,
        from_before -> Bool,
        removed_at -> Nullable<BigInt>,
        confirmed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    commands (id) {
        id -> Binary,
        uuid -> Text,
        request_type -> Text,
        class -> Text,
        secret_id -> Nullable<Binary>,
        digest -> Binary,
        created_at -> BigInt,
        created_by -> Text,
        reason -> Nullable<Text>,
        body -> Binary,
        sealed_body -> Nullable<Binary>,
    }
}

diesel::table! {
    deliveries (seq) {
        seq -> BigInt,
        command_id -> Binary,
        channel_id -> Binary,
        enrollment_id -> Binary,
        lane -> SmallInt,
        enqueued_at -> BigInt,
        expires_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    pending (seq) {
        seq -> BigInt,
        channel_id -> Binary,
    }
}

diesel::table! {
    delivery_events (id) {
        id -> BigInt,
        seq -> BigInt,
        state -> Text,
        at -> BigInt,
        identity_id -> Nullable<Binary>,
        class -> Nullable<Text>,
        detail -> Nullable<Text>,
        result_digest -> Nullable<Binary>,
        facts_json -> Nullable<Text>,
        result -> Nullable<Binary>,
    }
}

diesel::table! {
    reports (id) {
        id -> Binary,
        device_id -> Binary,
        enrollment_id -> Binary,
        source -> Text,
        command_uuid -> Nullable<Text>,
        observed_at -> BigInt,
        recorded_at -> BigInt,
        facts -> Text,
    }
}

diesel::table! {
    api_tokens (id) {
        id -> Binary,
        name -> Text,
        token_hash -> Binary,
        prefix -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    idempotency_keys (token_id, key) {
        token_id -> Binary,
        key -> Text,
        request_digest -> Binary,
        status -> Integer,
        body -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    audit_events (id) {
        id -> BigInt,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        class -> Nullable<Text>,
        target -> Nullable<Text>,
        detail -> Text,
    }
}

diesel::table! {
    quarantined (id) {
        id -> Binary,
        apple_id -> Text,
        fingerprint -> Binary,
        first_seen_at -> BigInt,
        last_seen_at -> BigInt,
        count -> BigInt,
        reason -> Text,
    }
}

diesel::table! {
    network_identities (id) {
        id -> Binary,
        fingerprint -> Binary,
        serial_hex -> Text,
        authority_id -> Binary,
        issuance_id -> Binary,
        device_id -> Binary,
        enrollment_id -> Binary,
        subject -> Text,
        der -> Binary,
        not_before -> BigInt,
        not_after -> BigInt,
        issued_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        revoked_reason -> Nullable<Text>,
        revoked_by -> Nullable<Text>,
    }
}

diesel::table! {
    network_renewals (device_id) {
        device_id -> Binary,
        count -> Integer,
        asked_at -> BigInt,
    }
}

diesel::table! {
    network_holds (device_id) {
        device_id -> Binary,
        reason -> Text,
        note -> Nullable<Text>,
        since -> BigInt,
        held_by -> Text,
    }
}

diesel::joinable!(network_identities -> enrollments (enrollment_id));
diesel::table! {
    device_facts (device_id, key) {
        device_id -> Binary,
        key -> Text,
        sort -> Text,
        value -> Text,
        observed_at -> BigInt,
        source -> Text,
        report_id -> Binary,
    }
}

diesel::joinable!(enrollments -> devices (device_id));
diesel::joinable!(channels -> enrollments (enrollment_id));
diesel::joinable!(deliveries -> commands (command_id));
diesel::joinable!(pending -> deliveries (seq));
diesel::joinable!(delivery_events -> deliveries (seq));

diesel::allow_tables_to_appear_in_same_query!(
    api_tokens,
    audit_events,
    authorities,
    channels,
    commands,
    deliveries,
    delivery_events,
    device_attributes,
    device_facts,
    devices,
    enrollment_links,
    enrollments,
    idempotency_keys,
    identities,
    issuances,
    jobs,
    link_placements,
    network_holds,
    network_identities,
    network_renewals,
    pending,
    people,
    place_variables,
    placement_events,
    placements,
    places,
    push_certificates,
    quarantined,
    reports,
    secrets,
    settings,
);
