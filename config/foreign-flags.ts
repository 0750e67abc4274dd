/**
 * Flags of nova's other services, and of machinery that netloom does not have. They stand in every real nova.conf and
 * say nothing about networks, so files may hold them without a word. Network flags of nova that netloom lacks are
 * apart: that they have no effect must be said.
 */
const NAMES = new Set(
  `allow_resize_to_same_host api_paste_config bindir block_migration_flag boot_script_template ca_file ca_path
  cert_topic cpu_allocation_ratio crl_file daemonize debug default_access_ip_network_name
  default_availability_zone default_ephemeral_format default_flavor default_instance_type default_log_levels
  default_notification_level default_publisher_id default_schedule_zone dhcpbridge dhcpbridge_flagfile
  enable_instance_password enabled_apis enabled_ssl_apis fatal_deprecations fatal_exception_format_errors
  force_config_drive force_raw_images host_state_interval image_service injected_network_template
  instance_build_timeout instance_format instance_name_template instance_usage_audit instance_usage_audit_period
  instance_uuid_format instances_path internal_service_availability_zone key_file keys_path lock_path log_config
  log_date_format log_dir log_file log_format logdir logfile logfile_mode memcached_servers metadata_listen
  metadata_listen_port metadata_manager metadata_workers monkey_patch monkey_patch_modules
  multi_instance_display_name_template my_block_storage_ip network_api_class network_topic neutron_url
  node_availability_zone non_inheritable_image_properties null_kernel periodic_fuzzy_delay preallocate_images
  project_cert_subject publish_errors pybasedir resume_guests_state_on_host_boot root_helper rootwrap_config
  rpc_cast_timeout rpc_conn_pool_size rpc_notifier rpc_thread_pool_size run_external_periodic_tasks
  running_deleted_instance_action running_deleted_instance_poll_interval running_deleted_instance_timeout
  service_neutron_metadata_proxy service_quantum_metadata_proxy servicegroup_driver shelved_offload_time
  snapshot_image_format start_guests_on_host_boot sync_power_state_interval syslog_log_facility tempdir timeout_nbd
  until_refresh use_cow_images use_deprecated_auth use_forwarded_for use_local use_project_ca
  use_stderr use_syslog user_cert_subject vcpu_pin_set verbose virt_mkfs volumes_path vpn_client_template
  vpn_image_id vpn_key_suffix wsgi_log_format zombie_instance_updated_at_window`.split(/\s+/),
)

const FAMILIES =
  /^(ajax_console|allowed_|api_|attestation_|auth_|bandwidth_|baremetal_|cells_|cert_|cinder_|compute_|conductor_|console_|consoleauth_|disk_|ec2_|glance_|hyperv_|image_|instance_usage_|iscsi_|isolated_|keystone_|kombu_|ldap_|libvirt_|logging_|lxc_|matchmaker_|max_|neutron_|notif|novnc|osapi_|password_|powervm_|qpid_|quantum_|quota_|rabbit_|ram_|rbd_|reclaim_|region_|rescue_|reserved_|rpc_zmq_|s3_|scheduler_|security_group_|spice|sql_|ssl_|storage_|use_virtio_|vif_|virt_|vmware|vnc|volume_|vswitch_|xen|xvp|zmq_|zookeeper)/

const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  dns_update_periodic_interval: 'names of instances are kept by instance_dns_manager, as they change',
  ebtables_exec_attempts: 'netloom runs no ebtables',
  ebtables_retry_interval: 'netloom runs no ebtables',
  libvirt_ovs_bridge: 'guests are plugged in with `instance attach`',
  share_dhcp_address: 'each host of a multi_host network has an address of its own there',
  teardown_unused_network_gateway: 'a host stays the gateway of a multi_host network that it had guests of',
  update_dns_entries: 'names of instances are kept by instance_dns_manager, as they change',
}

/** Why a network flag of nova changes nothing here; null for every other flag. */
export function whyWithoutEffect(name: string): string | null {
  return Object.hasOwn(WITHOUT_EFFECT, name) ? WITHOUT_EFFECT[name]! : null
}

/** A flag that nova had and netloom has no use for. */
export function isForeignFlag(name: string): boolean {
  return NAMES.has(name)
}

/** A name as flags of nova's other services had them; it may still be a network flag that is spelled wrong. */
export function isForeignFamily(name: string): boolean {
  return FAMILIES.test(name)
}
