# Run at build time: writes a C source in which FUNCTION(name) returns the text of each of FILES.
# Lines become string literals, so the source stays readable. FILES is separated by '|'.
string(REPLACE "|" ";" FILES "${FILES}")
set(body "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REPLACE "\n" "\\n\"\n     \"" text "${text}")
  string(APPEND body "    {\"${name}\",\n     \"${text}\"},\n")
endforeach()
file(WRITE ${OUTPUT} "/* Written by the build from text files. */
#include \"${HEADER}\"
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
} texts[] = {
${body}};

const char *${FUNCTION}(const char *name) {
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(texts[i].name, name) == 0) return texts[i].text;
    return NULL;
}
")
