#include "cli/output.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/render/template.h"
#include "cli/render/yaml.h"
#include "skerry/v1/container.pb.h"

namespace skerry::cli {
namespace {

using Json = nlohmann::ordered_json;

v1::Container web() {
  v1::Container container;
  container.set_name("web");
  container.set_uid("3f2a");
  container.set_state(v1::CONTAINER_STATE_RUNNING);
  (*container.mutable_labels())["app.kind"] = "shop";
  container.mutable_exit()->set_code(7);
  return container;
}

Listing listing_of(const v1::Container& container) {
  Listing listing(*v1::Container::descriptor(), {{"NAME"}, {"STATUS"}, {"POD", true}});
  listing.add(container, "web", {"web", {"Up 5 minutes", Colour::kGreen}, "shop"});
  return listing;
}

std::string formatted(const std::string& format) {
  const auto container = web();
  const auto text = listing_of(container).str({.word = "table", .format = format});
  return text ? *text : "error: " + text.error().message();
}

TEST(Listing, HasEveryForm) {
  const auto container = web();
  const auto listing = listing_of(container);
  EXPECT_EQ(*listing.str({}), "NAME   STATUS\nweb    Up 5 minutes\n");
  EXPECT_EQ(*listing.str({.word = "wide", .format = ""}),
            "NAME   STATUS         POD\nweb    Up 5 minutes   shop\n");
  EXPECT_EQ(*listing.str({.word = "name", .format = ""}), "web\n");
  const auto line = *listing.str({.word = "jsonl", .format = ""});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(Json::parse(line)["name"], "web");
  EXPECT_EQ(Json::parse(*listing.str({.word = "json", .format = ""}))[0]["state"], "running");
  EXPECT_NE(listing.str({.word = "yaml", .format = ""})->find("  name: web\n"), std::string::npos);
}

TEST(Listing, ColoursOnlyWhereAsked) {
  const auto container = web();
  EXPECT_EQ(*listing_of(container).str({}, Palette::kColoured),
            "NAME   STATUS\nweb    \033[32mUp 5 minutes\033[0m\n");
}

TEST(Format, TakesFieldsColumnsAndKeys) {
  EXPECT_EQ(formatted("{{.Name}}/{{.state}}"), "web/running\n");
  EXPECT_EQ(formatted("{{ .ID }} {{.Names}}"), "3f2a web\n");
  EXPECT_EQ(formatted("{{.Status}}"), "Up 5 minutes\n");
  EXPECT_EQ(formatted("{{.Exit.Code}}"), "7\n");
  EXPECT_EQ(formatted("{{index .Labels \"app.kind\"}}"), "shop\n");
  EXPECT_EQ(formatted("{{json .Labels}}"), "{\"app.kind\":\"shop\"}\n");
  EXPECT_EQ(formatted("a\\tb{{.Name}}"), "a\tbweb\n");
  EXPECT_EQ(formatted("{{.StartedAt}}."), ".\n");
}

TEST(Format, HasTables) {
  EXPECT_EQ(formatted("table {{.Name}}\\t{{.State}}"), "NAME   STATE\nweb    running\n");
}

TEST(Format, RefusesWhatItDoesNotKnow) {
  for (const char* format : {"{{.Frob}}",
                             "{{.Name.Frob}}",
                             "{{.Exit.Frob}}",
                             "{{range .Labels}}",
                             "{{.Name",
                             "{{.}}",
                             "{{if .Name}}",
                             "{{.Name | upper}}",
                             "{{index .Name \"x\"}}",
                             "{{}}",
                             "{{..}}"}) {
    const std::string text = formatted(format);
    EXPECT_TRUE(text.starts_with("error: --format: ")) << format << " gave " << text;
  }
}

TEST(Format, DisarmsControlBytes) {
  auto container = web();
  container.set_name("a\033[2Jb");
  const auto text = listing_of(container).str({.word = "table", .format = "{{.Name}}"});
  EXPECT_EQ(*text, "a?[2Jb\n");
}

TEST(Yaml, QuotesWhatWouldBeReadAsSomethingElse) {
  const Json json = {{"a", "plain"},
                     {"b", "yes"},
                     {"c", "1"},
                     {"d", 1},
                     {"e", ""},
                     {"f", "x: y"},
                     {"g", nullptr},
                     {"h", "a\nb"},
                     {"i", "-x"}};
  EXPECT_EQ(yaml_text(json),
            "a: plain\nb: \"yes\"\nc: \"1\"\nd: 1\ne: \"\"\nf: \"x: y\"\ng: null\nh: \"a\\nb\"\ni: "
            "\"-x\"\n");
}

TEST(Yaml, NestsListsAndMaps) {
  const Json json =
      Json::parse(R"([{"a":{"b":[1,2],"c":{}},"d":[]},{"e":[{"f":1,"g":2}]},[3,[4]]])");
  EXPECT_EQ(yaml_text(json),
            "- a:\n    b:\n    - 1\n    - 2\n    c: {}\n  d: []\n- e:\n  - f: 1\n    g: 2\n-\n  - "
            "3\n  -\n    - 4\n");
}

}  // namespace
}  // namespace skerry::cli
