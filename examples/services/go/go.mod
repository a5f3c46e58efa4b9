// SPDX-License-Identifier: Apache-2.0
module notes

go 1.19
