// What tests/integration/escapes_test.py runs inside a container when a shell cannot do it. Each
// function takes the words after its own name, says on standard output what happened, and returns
// the exit code: 0 when the attack was carried out, whatever came of it.
#pragma once

int attack_calls(int count, char** words);
int attack_name_handle(int count, char** words);
int attack_open_handle(int count, char** words);
int attack_watch_joining(int count, char** words);
int attack_overwrite_exe(int count, char** words);
int attack_stop_joining(int count, char** words);
