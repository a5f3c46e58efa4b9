/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_PROGRAMS_ENCLAVE_APP_SETTINGS_H
#define VSA_PROGRAMS_ENCLAVE_APP_SETTINGS_H

#include "command_line/settings.h"
#include "programs/enclave_app/enclave_app.h"

/* The settings of enclave_app, into struct enclave_app_arguments. */
extern const struct setting_table enclave_app_settings;

#endif
