import { option } from 'netloom/contracts'

/** What happens to packets that are not to be forwarded. Source: nova's iptables_drop_action. */
export const dropActionOption = option.text({
  default: 'DROP',
  help: 'Target of packets that are not to be forwarded: DROP, REJECT or a chain that you made, such as LOGDROP',
})
