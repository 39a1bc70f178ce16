// --format: Docker's simple field form.
//
//   {{.Field}}            a field of -o json, or a column of the table. Case and "_" do not count:
//                         {{.StartedAt}} is started_at. {{.ID}} is the uid.
//   {{.Field.Sub}}        a field of a field
//   {{index .Field "k"}}  the entry "k" of a map, such as .Labels
//   {{json .Field}}       the field as JSON; {{json .}} everything
//   table TEXT            the same with a line of headers and aligned columns (cut at tabs)
//   \t \n                 in TEXT: tab and line end
//
// Nothing else of Go's templates: no pipes, conditions, loops or functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace skerry::cli {

class Template final {
 public:
  /// Errors: INVALID_ARGUMENT, saying what is not understood and what there is.
  static Result<Template> parse(std::string_view text);

  /// Whether every field exists in messages of `type` or is one of `columns`. Errors:
  /// INVALID_ARGUMENT, naming the field and those there are.
  Result<> check(const google::protobuf::Descriptor& type,
                 const std::vector<std::string>& columns) const;

  /// One object, without a line end. Fields that are absent are empty.
  std::string render(const nlohmann::ordered_json& object) const;

  /// It began with "table ".
  bool is_table() const { return table_; }

  /// The fields' names in capitals, at their places.
  std::string headers() const;

 private:
  enum class Kind { kText, kField, kJson };
  struct Part {
    Kind kind = Kind::kText;
    std::string text;
    std::vector<std::string> path;
    /// What stands in front of the path's last name in quotes is a key as it is.
    bool indexed = false;
  };

  static Result<Part> parse_action(std::string_view action);

  bool table_ = false;
  std::vector<Part> parts_;
};

/// "StartedAt", "started_at" and "STARTED AT" are the same field.
std::string folded(std::string_view name);

}  // namespace skerry::cli
