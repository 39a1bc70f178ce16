// JSON values as YAML.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace skerry::cli {

/// Block style, two spaces deeper a level, with a line end. Text that YAML could take for something
/// else (a number, "yes", a date) or that is not plain is quoted, so reading it back gives the same
/// value.
std::string yaml_text(const nlohmann::ordered_json& json);

}  // namespace skerry::cli
