#include "agent/processes/printable.h"

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

TEST(Printable, LeavesTextAlone) {
  EXPECT_EQ(printable("usr/größe €/😀", '?'), "usr/größe €/😀");
  EXPECT_EQ(printable("", '?'), "");
}

TEST(Printable, ReplacesWhatIsNoText) {
  EXPECT_EQ(printable("a\x1b[31m\x7f\n", '?'), "a?[31m??");
  EXPECT_EQ(printable(std::string_view("a\0b \0\0", 6), ' '), "a b ");
  EXPECT_EQ(printable("\xff.\xc3.\xe2\x82.\xc2\x9b.", ' '), "?.?.??.??.");
}

TEST(Printable, RefusesOverlongFormsAndSurrogates) {
  EXPECT_EQ(printable("\xc0\xaf.\xe0\x80\xaf.\xed\xa0\x80.\xf4\x90\x80\x80.", ' '),
            "??.???.???.????.");
}

TEST(Printable, CutsLongTextAndLeavesNoHalfCharacter) {
  EXPECT_EQ(printable(std::string(4095, 'a') + "ö", ' '), std::string(4095, 'a') + "?");
}

}  // namespace
}  // namespace skerry::agent
