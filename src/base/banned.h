/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that this project does not make, turned into compile errors. Put on every compile line by
 * the build (-include), so that no file can forget it; system headers are read first. gets is not
 * among them: stdio.h has none since C11, and OpenSSL's headers have a parameter of that name.
 */
#ifndef SK_BASE_BANNED_H
#define SK_BASE_BANNED_H

#ifndef __ASSEMBLER__ /* the build puts this on every compile line */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef alloca /* a macro in glibc; poisoning wants a plain name */

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atoll atof
#pragma GCC poison gmtime localtime ctime asctime system popen mktemp tmpnam alloca

#endif
#endif
