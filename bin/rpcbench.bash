# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Completion for bash: options and their values, as the -h text of the program has them. Installed
# under the name of each program; sourced from here, it serves all of them.

# The -h text of a program, to the three arrays: options, the names of their arguments (empty: it has
# none), and the words that the argument may be, if the text lists them.
_rpcbench_read() {
	local line list='^([a-z0-9_-]+, )+[a-z0-9_-]+'
	local option='^  (-[^ ,]+(, -[^ ,]+)*)( ([^ ]+))?  +(.*)$' item='^   +([a-z-]+)( \(.*\))?$'

	options=() names=() values=()
	while IFS= read -r line; do
		if [[ $line =~ $option ]]; then
			local all=${BASH_REMATCH[1]//,/} name=${BASH_REMATCH[4]} text=${BASH_REMATCH[5]} one
			for one in $all; do
				options+=("$one") names+=("$name") values+=('')
			done
			if [[ -n $name && ${text%% (*} =~ $list(:|$) ]]; then
				values[${#values[@]} - 1]=${BASH_REMATCH[0]//[,:]/}
			fi
		elif [[ ${#options[@]} -gt 0 && ${names[${#names[@]} - 1]} = list && $line =~ $item ]]; then
			values[${#values[@]} - 1]+=" ${BASH_REMATCH[1]}"
		fi
	done < <("$1" -h 2>/dev/null)
}

# Sets at to the place of an option; fails if there is none.
_rpcbench_find() {
	for ((at = 0; at < ${#options[@]}; at++)); do
		[[ ${options[at]} != "$1" ]] || return 0
	done
	return 1
}

# Offer files, folders or commands (-f, -d, -c) that begin with the second argument.
_rpcbench_offer() {
	local IFS=$'\n'

	compopt -o filenames 2>/dev/null
	# one a line
	# shellcheck disable=SC2207
	COMPREPLY=($(compgen "$1" -- "$2"))
}

_rpcbench_value() {
	local word before=

	case ${names[at]} in
	file) _rpcbench_offer -f "$1" ;;
	dir) _rpcbench_offer -d "$1" ;;
	command) _rpcbench_offer -c "$1" ;;
	list)
		[[ $1 != *,* ]] || before=${1%,*},
		;;&
	*)
		for word in ${values[at]}; do
			[[ $before$word != "$1"* ]] || COMPREPLY+=("$before$word")
		done
		;;
	esac
}

_rpcbench() {
	local program=${1/#\~/$HOME} cur=$2 options names values at i word usage command='[[](command|server) '

	COMPREPLY=()
	_rpcbench_read "$program"
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		[[ $word = -?* ]] || break
		if _rpcbench_find "$word" && [[ -n ${names[at]} ]] && ((++i == COMP_CWORD)); then
			_rpcbench_value "$cur"
			return
		fi
	done
	usage=$("$program" -h 2>/dev/null)
	usage=${usage%%$'\n'[!\ ]*}
	if ((i < COMP_CWORD)) && [[ $usage =~ $command ]] && declare -F _command_offset >/dev/null; then
		_command_offset "$i"
	elif ((i == COMP_CWORD)) && [[ $cur = -* ]]; then
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -W "${options[*]}" -- "$cur"))
	elif ((i == COMP_CWORD)) && [[ $usage =~ $command ]]; then
		_rpcbench_offer -c "$cur"
	elif [[ $usage = *target* ]]; then
		compopt -o nospace 2>/dev/null
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -W 'rpc:// http:// rpc5:// rpc6:// rpc+unix:// http+unix://' -- "$cur"))
	elif [[ $usage = *'[config ...]'* ]]; then
		_rpcbench_read "${program%bench-suite}rpc-serve"
		_rpcbench_find -m || return
		for word in ${values[at]}; do
			# shellcheck disable=SC2207
			COMPREPLY+=($(compgen -W "rpc-$word http-$word" -- "$cur"))
		done
	else
		_rpcbench_offer -f "$cur"
	fi
}

case ${BASH_SOURCE[0]##*/} in
rpcbench.bash)
	for page in "${BASH_SOURCE[0]%/*}"/*.1; do
		page=${page##*/}
		complete -F _rpcbench "${page%.1}"
	done
	unset page
	;;
*) complete -F _rpcbench "${BASH_SOURCE[0]##*/}" ;;
esac
