#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "cli/command.h"
#include "cli/parse/words.h"
#include "cli/render/json.h"
#include "cli/render/template.h"
#include "cli/render/yaml.h"

namespace skerry::cli {
namespace {

using Json = nlohmann::ordered_json;
using google::protobuf::Descriptor;
using google::protobuf::Message;

struct Word {
  std::string_view word;
  OutputForm form;
};
constexpr std::array kWords = {Word{"table", OutputForm::kTable},
                               Word{"wide", OutputForm::kWide},
                               Word{"json", OutputForm::kJson},
                               Word{"jsonl", OutputForm::kJsonl},
                               Word{"yaml", OutputForm::kYaml},
                               Word{"name", OutputForm::kName}};

std::string check_word(const std::string& word) {
  if (std::ranges::any_of(kWords, [&word](const Word& w) { return w.word == word; })) return "";
  return "\"" + word + "\" is not table, wide, json, jsonl, yaml or name";
}

Error usage(Error error) { return std::move(error).with_reason(kUsageReason); }

Result<Template> checked_template(const std::string& format,
                                  const Descriptor& type,
                                  const std::vector<std::string>& columns) {
  auto parsed = Template::parse(format);
  if (!parsed) return usage(std::move(parsed).error());
  if (auto checked = parsed->check(type, columns); !checked) {
    return usage(std::move(checked).error());
  }
  return parsed;
}

/// Lines whose columns are parted by tabs.
std::string align(const std::vector<std::string>& lines) {
  std::unique_ptr<Table> table;
  std::size_t width = 0;
  for (const std::string& line : lines) {
    std::vector<std::string> parts = split(line, '\t');
    if (!table) {
      width = parts.size();
      table = std::make_unique<Table>(std::move(parts));
      continue;
    }
    parts.resize(width);
    table->add({parts.begin(), parts.end()});
  }
  return table->str();
}

}  // namespace

OutputForm OutputOptions::form() const {
  if (!format.empty() && format != "json" && format != "table") return OutputForm::kTemplate;
  const std::string_view asked = format.empty() ? std::string_view(word) : format;
  const auto* const found = std::ranges::find(kWords, asked, &Word::word);
  CHECK(found != kWords.end());
  return found->form;
}

void add_output(CLI::App& app, OutputOptions& output) {
  app.add_option("-o,--output", output.word, "table, wide, json, jsonl, yaml or name")
      ->type_name("FORM")
      ->check(check_word);
  app.add_option("--format", output.format, "Docker's fields: '{{.Name}} {{.State}}'")
      ->type_name("TEXT");
}

Listing::Listing(const Descriptor& type, std::vector<Column> columns)
    : type_(type), columns_(std::move(columns)) {}

void Listing::add(const Message& object, std::string name, std::vector<Cell> cells) {
  CHECK(cells.size() == columns_.size());
  rows_.push_back({&object, std::move(name), std::move(cells)});
}

Result<std::string> Listing::str(const OutputOptions& options, Palette palette) const {
  std::string out;
  Json array = Json::array();
  switch (options.form()) {
    case OutputForm::kTable:
    case OutputForm::kWide:
      return table(options.form() == OutputForm::kWide, palette);
    case OutputForm::kTemplate:
      return by_template(options.format);
    case OutputForm::kJson:
      for (const Row& row : rows_) array.push_back(to_json(*row.object));
      return json_text(array);
    case OutputForm::kJsonl:
      for (const Row& row : rows_) out += json_line(to_json(*row.object));
      return out;
    case OutputForm::kYaml:
      for (const Row& row : rows_) array.push_back(to_json(*row.object));
      return yaml_text(array);
    case OutputForm::kName:
      for (const Row& row : rows_) out += row.name + "\n";
      return out;
  }
  return out;
}

std::string Listing::table(bool wide, Palette palette) const {
  const auto shown = [wide](const Column& column) { return wide || !column.wide; };
  std::vector<std::string> headers;
  for (const Column& column : columns_) {
    if (shown(column)) headers.push_back(column.header);
  }
  Table table(std::move(headers));
  for (const Row& row : rows_) {
    std::vector<Cell> cells;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (shown(columns_[i])) cells.push_back(row.cells[i]);
    }
    table.add(std::move(cells));
  }
  return table.str(palette);
}

Result<std::string> Listing::by_template(const std::string& format) const {
  std::vector<std::string> names;
  names.reserve(columns_.size());
  for (const Column& column : columns_) names.push_back(column.header);
  TRY_ASSIGN(const auto form, checked_template(format, type_, names));
  std::vector<std::string> lines;
  if (form.is_table()) lines.push_back(form.headers());
  for (const Row& row : rows_) {
    Json object = to_json(*row.object);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      // The field of that name, where there is one, says more than its cell.
      const auto same = [&](const auto& item) { return folded(item.key()) == folded(names[i]); };
      const auto items = object.items();
      if (std::none_of(items.begin(), items.end(), same)) object[names[i]] = row.cells[i].text;
    }
    lines.push_back(form.render(object));
  }
  if (form.is_table()) return align(lines);
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

Result<int> print_listing(const Listing& listing, const OutputOptions& options) {
  TRY_ASSIGN(const auto text, listing.str(options, palette_of(STDOUT_FILENO)));
  print(text);
  return kExitOk;
}

Result<std::string> stream_item(const Message& object,
                                const std::string& name,
                                const OutputOptions& options) {
  switch (options.form()) {
    case OutputForm::kTemplate: {
      TRY_ASSIGN(const auto form, checked_template(options.format, *object.GetDescriptor(), {}));
      return form.render(to_json(object)) + "\n";
    }
    case OutputForm::kYaml:
      return "---\n" + yaml_text(to_json(object));
    case OutputForm::kName:
      return name + "\n";
    default:
      return json_line(to_json(object));
  }
}

Result<std::string> single_value(const Json& value, const OutputOptions& options) {
  switch (options.form()) {
    case OutputForm::kJsonl:
      return json_line(value);
    case OutputForm::kYaml:
      return yaml_text(value);
    case OutputForm::kTemplate: {
      auto form = Template::parse(options.format);
      if (!form) return usage(std::move(form).error());
      return form->render(value) + "\n";
    }
    default:
      return json_text(value);
  }
}

Result<std::string> whole_objects(const std::vector<const Message*>& objects,
                                  const std::vector<std::string>& names,
                                  const OutputOptions& options) {
  if (options.is_table() || options.form() == OutputForm::kJson ||
      options.form() == OutputForm::kYaml) {
    Json array = Json::array();
    for (const Message* object : objects) array.push_back(to_json(*object));
    return options.form() == OutputForm::kYaml ? yaml_text(array) : json_text(array);
  }
  std::string out;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    TRY_ASSIGN(const auto item, stream_item(*objects[i], names[i], options));
    out += item;
  }
  return out;
}

}  // namespace skerry::cli
