// Quantities as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <google/protobuf/timestamp.pb.h>

#include "base/clock.h"
#include "cli/render/colour.h"
#include "skerry/v1/container.pb.h"
#include "skerry/v1/network.pb.h"

namespace skerry::cli {

/// "3 seconds", "5 minutes", "2 hours", "4 days", "6 weeks": one unit, rounded down.
std::string human_duration(std::chrono::nanoseconds duration);

/// "512B", "64MiB", "1.21GiB": powers of 1024, three digits.
std::string human_bytes(std::uint64_t bytes);

/// "2026-01-31T10:00:00.123456789Z".
std::string rfc3339(WallTime time);

/// Wall time of a message's field; the epoch for a message that was never set.
WallTime wall_time(const google::protobuf::Timestamp& stamp);

void set_timestamp(WallTime time, google::protobuf::Timestamp& stamp);

/// What a person asks first: "Up 5 minutes", "Exited (7) 2 hours ago", "Exited (137, OOM) …",
/// "Launch failed (127) …", "Created".
std::string human_status(const v1::Container& container, WallTime now);

/// How its status stands out: running green, failed red, in between yellow.
Colour status_colour(const v1::Container& container);

/// "0.0.0.0:8080->80/tcp, …", as Docker writes it.
std::string ports_text(const google::protobuf::RepeatedPtrField<v1::PublishedPort>& ports);

/// "10.88.0.7, fd00::7": addresses of every network, without their prefix lengths.
std::string addresses_text(const google::protobuf::RepeatedPtrField<v1::AttachedNetwork>& networks);

/// The first 12 digits, or all.
std::string short_uid(std::string_view uid, bool no_trunc);

/// A name for a container that a person will know: its name, or else its id.
const std::string& display_name(const v1::Container& container);

/// Control characters become "?", so that what others wrote cannot drive the reader's terminal.
std::string printable(std::string_view text);

}  // namespace skerry::cli
