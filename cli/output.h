// -o and --format: one listing, printed in the form the user asked for.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <google/protobuf/message.h>
#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "cli/render/table.h"

namespace skerry::cli {

enum class OutputForm { kTable, kWide, kJson, kJsonl, kYaml, kName, kTemplate };

struct OutputOptions {
  /// -o: "table", "wide", "json", "jsonl", "yaml" or "name".
  std::string word = "table";
  /// --format: see render/template.h. Wins over -o.
  std::string format;

  OutputForm form() const;
  /// Rows for people, under headers.
  bool is_table() const { return form() == OutputForm::kTable || form() == OutputForm::kWide; }
};

/// -o and --format.
void add_output(CLI::App& app, OutputOptions& output);

struct Column {
  std::string header;
  /// Only with -o wide.
  bool wide = false;
};

/// Objects of one type as rows, each with what a table shows of it. Thread: one.
class Listing final {
 public:
  Listing(const google::protobuf::Descriptor& type, std::vector<Column> columns);

  /// `object` has to stay where it is. `name` is what -o name prints. As many cells as columns.
  void add(const google::protobuf::Message& object, std::string name, std::vector<Cell> cells);

  /// All of them: a table, a JSON array, a line or a YAML document each. Errors: INVALID_ARGUMENT,
  /// reason USAGE, for a --format that does not fit.
  Result<std::string> str(const OutputOptions& options, Palette palette = Palette::kPlain) const;

 private:
  struct Row {
    const google::protobuf::Message* object;
    std::string name;
    std::vector<Cell> cells;
  };

  Result<std::string> by_template(const std::string& format) const;
  std::string table(bool wide, Palette palette) const;

  const google::protobuf::Descriptor& type_;
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

/// Prints it, with colours where they belong. Errors: those of str().
Result<int> print_listing(const Listing& listing, const OutputOptions& options);

/// One of many objects that come by themselves (events, rounds): a JSON line, a YAML document, a
/// name, a line of --format. Not for tables. Errors: as Listing::str.
Result<std::string> stream_item(const google::protobuf::Message& object,
                                const std::string& name,
                                const OutputOptions& options);

/// One value that is not a list: JSON unless something else is asked for. Errors: as Listing::str.
Result<std::string> single_value(const nlohmann::ordered_json& value, const OutputOptions& options);

/// Whole objects, for inspect: a JSON array unless something else is asked for. Errors: as
/// Listing::str.
Result<std::string> whole_objects(const std::vector<const google::protobuf::Message*>& objects,
                                  const std::vector<std::string>& names,
                                  const OutputOptions& options);

}  // namespace skerry::cli
