//! What a device lets its management do: the bits of `AccessRights`. Apple: "MDM" (profile-specific payload keys).

use catalog::Ownership;

/// A valid set of access rights. A later profile can take rights away from a device, never add any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessRights(u32);

/// No set of rights that Apple allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("access rights {0} are not allowed: they are within 1 to 8191, 2 needs 1, and 128 needs 64")]
pub struct InvalidAccessRights(u32);

impl AccessRights {
    /// Inspect configuration profiles.
    pub const INSPECT_PROFILES: u32 = 1;
    /// Install and remove configuration profiles.
    pub const CHANGE_PROFILES: u32 = 2;
    /// Lock the device, clear its passcode, restart it.
    pub const LOCK_AND_PASSCODE: u32 = 4;
    /// Erase the device.
    pub const ERASE: u32 = 8;
    /// Query device information.
    pub const DEVICE_INFORMATION: u32 = 16;
    /// Query network information.
    pub const NETWORK_INFORMATION: u32 = 32;
    /// Inspect provisioning profiles.
    pub const INSPECT_PROVISIONING: u32 = 64;
    /// Install and remove provisioning profiles.
    pub const CHANGE_PROVISIONING: u32 = 128;
    /// List installed applications.
    pub const APPLICATIONS: u32 = 256;
    /// Query restrictions.
    pub const RESTRICTIONS: u32 = 512;
    /// Query security information.
    pub const SECURITY: u32 = 1024;
    /// Change settings.
    pub const SETTINGS: u32 = 2048;
    /// Manage apps.
    pub const MANAGE_APPS: u32 = 4096;

    /// Every right.
    pub const ALL: Self = Self(8191);

    /// What a personal device is asked for; the README says why.
    pub const PERSONAL: Self = Self(
        Self::INSPECT_PROFILES
            | Self::CHANGE_PROFILES
            | Self::DEVICE_INFORMATION
            | Self::RESTRICTIONS
            | Self::SECURITY
            | Self::MANAGE_APPS,
    );

    /// Checks a set of bits.
    ///
    /// # Errors
    /// For none, unknown bits, and bits that need one that is not set.
    pub const fn new(bits: u32) -> Result<Self, InvalidAccessRights> {
        let profiles = bits & Self::CHANGE_PROFILES != 0 && bits & Self::INSPECT_PROFILES == 0;
        let provisioning = bits & Self::CHANGE_PROVISIONING != 0 && bits & Self::INSPECT_PROVISIONING == 0;
        if bits == 0 || bits > Self::ALL.0 || profiles || provisioning {
            return Err(InvalidAccessRights(bits));
        }
        Ok(Self(bits))
    }

    /// The rights that an enrolment of such a device asks for.
    #[must_use]
    pub const fn for_ownership(ownership: Ownership) -> Self {
        match ownership {
            Ownership::Corporate | Ownership::Shared => Self::ALL,
            Ownership::Personal => Self::PERSONAL,
        }
    }

    /// The number that stands in the profile.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of these bits are granted.
    #[must_use]
    pub const fn contains(self, bits: u32) -> bool {
        self.0 & bits == bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_personal_device_never_grants_erase_lock_settings_network_or_the_list_of_all_apps() {
        let rights = AccessRights::for_ownership(Ownership::Personal);
        for bit in [4, 8, 32, 64, 128, 256, 2048] {
            assert!(!rights.contains(bit), "{bit}");
        }
        assert_eq!(rights.bits(), 5651);
        assert_eq!(AccessRights::new(rights.bits()), Ok(rights));
    }

    #[test]
    fn a_hospital_device_grants_everything() {
        assert_eq!(AccessRights::for_ownership(Ownership::Corporate).bits(), 8191);
        assert_eq!(AccessRights::for_ownership(Ownership::Shared).bits(), 8191);
    }

    #[test]
    fn sets_that_apple_refuses_are_refused() {
        for bits in [0, 2, 128, 4 + 2, 1 + 128, 8192, u32::MAX] {
            assert_eq!(AccessRights::new(bits), Err(InvalidAccessRights(bits)), "{bits}");
        }
        for bits in [1, 3, 4, 64 + 128, 8191] {
            assert_eq!(AccessRights::new(bits).map(AccessRights::bits), Ok(bits));
        }
    }
}
