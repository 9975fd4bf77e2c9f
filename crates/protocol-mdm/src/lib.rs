//! Check-in, commands, results and enrolment identity of the MDM protocol
