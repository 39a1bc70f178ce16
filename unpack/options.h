// The command line of skerry-unpack (see protocol.h).
#pragma once

#include <span>
#include <string_view>

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

}  // namespace skerry::unpack
