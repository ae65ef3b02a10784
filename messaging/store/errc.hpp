// What can go wrong in the store, one sentence each. Errors of the operating system pass through as they are
// (system category), except where only the store knows what they mean.
#pragma once

#include "common/core/error.hpp"

namespace messaging::store {

enum class errc {
    locked = 1,     ///< another process has the directory
    newer_format,   ///< written by a newer version of this program
    damaged,        ///< checksum or layout wrong
    not_found,      ///< no such segment or file
    too_large,      ///< an entry larger than a batch may be
    sync_failed,    ///< the disk did not confirm the batch; the log is read-only from here on
    read_only,      ///< refused because an earlier sync failed
    short_read,     ///< the file ended where data was expected
    closed,         ///< the log is closed
    bad_options,    ///< sizes that do not fit together
    snapshot_stale, ///< not written: a batch that the snapshot stands on was refused
};

const boost::system::error_category& store_category() noexcept;
inline core::error_code make_error_code(errc value) noexcept { return {static_cast<int>(value), store_category()}; }

} // namespace messaging::store

template <> struct boost::system::is_error_code_enum<messaging::store::errc> : std::true_type {};
