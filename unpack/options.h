// The command line of skerry-unpack (see protocol.h).
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/units.h"
#include "unpack/budget.h"
#include "unpack/sandbox.h"

namespace skerry::unpack {

struct Options {
  SourceKind source = SourceKind::kArchive;
  Whiteouts whiteouts = Whiteouts::kLiteral;
  Limits limits;
  Bytes max_memory;
  std::uint64_t max_cpu_seconds = 0;
};

/// All options are required, in any order. Errors: INVALID_ARGUMENT naming the option.
Result<Options> parse_options(std::span<const std::string_view> arguments);

enum class CopyDirection : std::uint8_t { kIn, kOut };

/// The command line of a copy.
struct CopyOptions {
  CopyDirection direction = CopyDirection::kIn;
  ContainerEntry::Kind root = ContainerEntry::Kind::kProcess;
  std::string path;
  std::optional<std::pair<uid_t, gid_t>> owner;
  Limits limits;
  Bytes max_memory;
  std::uint64_t max_cpu_seconds = 0;
};

/// Whether it is that of a copy: its first option is --copy.
bool is_copy(std::span<const std::string_view> arguments);
/// As parse_options.
Result<CopyOptions> parse_copy_options(std::span<const std::string_view> arguments);

}  // namespace skerry::unpack
