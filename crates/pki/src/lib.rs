//! X.509, CSR, CMS, the CA, sealing of secrets
